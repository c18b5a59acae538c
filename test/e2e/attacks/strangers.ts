/** Who does not speak the protocol of links (net.md), or not of this network. */
import { strict as assert } from 'node:assert';
import { toUtf8 } from '../../../base/bytes.ts';
import { eventually } from '../../support/attack/devnet.ts';
import { GARBAGE, type Scene } from '../../support/attack/scene.ts';
import { helloBytes, helloOf } from '../../support/attack/stranger.ts';

export function attacksOfStrangers(scene: Scene): void {
  describe('of strangers', () => {
    const cases: [string, string, () => Uint8Array][] = [
      ['garbage after the handshake of noise', 'malformed', () => GARBAGE],
      ['a frame said to be of 4 GiB', 'oversized', () => Uint8Array.of(255, 255, 255, 255, 3)],
      ['an HTTP request', 'malformed', () => toUtf8('GET / HTTP/1.1\r\n\r\n')],
      [
        'another network id',
        'wrong-network',
        () => helloBytes(helloOf(scene.devnet, { networkId: 'devnet-0011223344556677' })),
      ],
      [
        'another genesis',
        'wrong-genesis',
        () => helloBytes(helloOf(scene.devnet, { genesisHash: new Uint8Array(32) })),
      ],
      ['an old version', 'old-version', () => helloBytes(helloOf(scene.devnet, { version: 0 }))],
    ];
    for (const [name, reason, bytes] of cases) {
      it(`says goodbye to ${name}: ${reason}`, async () => {
        const peer = await scene.stranger();
        await scene.faulted(reason, () => peer.say(bytes()));
        await eventually(() => peer.goodbyes.length > 0, 'a goodbye');
        assert.deepEqual(peer.goodbyes, [reason]);
        await eventually(() => peer.connections === 0, 'the end of the connection');
      });
    }

    it('bans who does it again, and says so', async () => {
      const { banned } = await scene.devnet.call('net_status');
      const peer = await scene.stranger();
      for (let i = 0; i < 2; i++) {
        await scene.faulted('malformed', () => peer.say(GARBAGE));
        await eventually(() => peer.connections === 0, 'the end of the connection');
      }
      assert.equal((await scene.devnet.call('net_status')).banned, banned + 1);
      assert.equal(await scene.devnet.metric('pyralog_net_banned_peers_total'), banned + 1);
      const faults = await scene.devnet.faults('malformed');
      await peer.say(GARBAGE).catch(() => undefined);
      await eventually(() => peer.connections === 0, 'the end of the connection');
      assert.equal(await scene.devnet.faults('malformed'), faults, 'it was listened to');
      assert.match(scene.devnet.log(), new RegExp(`"peer":"${peer.id}".*peer banned`));
    });

    it('refuses a node of another network, and tells it why', async () => {
      const other = { networkId: 'devnet-0011223344556677' };
      await scene.faulted('wrong-network', () =>
        assert.rejects(scene.guest([0], other), {
          code: 'net/refused',
          data: { peer: scene.devnet.address(0).peer, reason: 'wrong-network' },
        }),
      );
    });
  });
}
