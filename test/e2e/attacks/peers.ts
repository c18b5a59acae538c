/** Who greets as it should and then sends what no honest node sends. */
import { strict as assert } from 'node:assert';
import { createSeedSigner } from '../../../consensus/index.ts';
import { encodeCbor } from '../../../consensus/pos/cbor.ts';
import {
  decodeSyncRequest,
  encodeStatus,
  encodeSyncAnswer,
  messageFrame,
  proposalFrame,
} from '../../../consensus/pos/wire.ts';
import { type Channel, TOPICS } from '../../../net/index.ts';
import { compress, topicPath } from '../../../net/libp2p/gossip-codec.ts';
import { eventually } from '../../support/attack/devnet.ts';
import { GARBAGE, type Scene } from '../../support/attack/scene.ts';

export function attacksOfPeers(scene: Scene): void {
  describe('of peers', () => {
    for (const channel of ['consensus', 'sync', 'status'] as const) {
      it(`scores garbage in the channel ${channel}, then bans`, async () => {
        const peer = await scene.guest();
        await scene.faulted('malformed', () => peer.send(0, channel, GARBAGE));
        const score = await peer.score();
        assert.ok(score !== undefined && score < -50 && score > -100, `score ${score}`);
        await scene.faulted('malformed', () => peer.send(0, channel, GARBAGE));
        await eventually(() => peer.network.peers().length === 0, 'the end of the link');
        await assert.rejects(peer.dial(0), { code: /net\/(refused|unreachable)/ });
        assert.match(
          scene.devnet.log(),
          new RegExp(`"peer":"${peer.id}","fault":"malformed","reason":"[^"]+ \\(P\\d+\\)"`),
        );
      });
    }

    it('scores garbage and a false block in the answer to a request', async () => {
      for (const [kind, answer] of [
        ['malformed', () => GARBAGE],
        [
          'invalid',
          (request: number) =>
            encodeSyncAnswer({ request, blocks: [{ bytes: GARBAGE, certificate: GARBAGE }] }),
        ],
      ] as const) {
        const peer = await scene.guest();
        peer.onFrame = (_, { channel, bytes }: { channel: Channel; bytes: Uint8Array }) => {
          const request = channel === 'sync' ? decodeSyncRequest(bytes) : undefined;
          if (request !== undefined) void peer.send(0, 'answers', answer(request.request));
        };
        await scene.faulted(kind, () => peer.send(0, 'status', encodeStatus(1_000_000_000)));
        await peer.close();
      }
    });

    it('scores votes and proposals that no validator signed', async () => {
      const honest = (await scene.devnet.key('vote', 1)).publicKey;
      const own = (await scene.devnet.key('vote', 0)).publicKey;
      const nobody = createSeedSigner(new Uint8Array(32).fill(9)).publicKey;
      const id = new Uint8Array(32).fill(1);
      const signature = new Uint8Array(64).fill(2);
      const certificate = (height: number) => encodeCbor([3, height, 0, id, [[honest, signature]]]);
      const rows: [string, RegExp, (height: number) => Uint8Array][] = [
        [
          'vote',
          /bad-signature/,
          (height) => messageFrame(encodeCbor([0, height, 0, id, honest, signature])),
        ],
        [
          'vote of nobody',
          /unknown-validator/,
          (height) => messageFrame(encodeCbor([1, height, 0, null, nobody, signature])),
        ],
        [
          'vote of the node itself',
          /forged message of this node/,
          (height) => messageFrame(encodeCbor([0, height, 0, id, own, signature])),
        ],
        [
          'proposal',
          /bad-signature|not-proposer/,
          (height) =>
            proposalFrame(encodeCbor([2, height, 0, null, id, honest, signature]), GARBAGE),
        ],
        [
          'certificate',
          /bad-certificate|bad-signature/,
          (height) => messageFrame(certificate(height)),
        ],
      ];
      for (const [name, reason, frame] of rows) {
        const peer = await scene.guest();
        const fault = () =>
          scene.devnet
            .log()
            .split('\n')
            .find((line: string) => line.includes(peer.id) && line.includes('"invalid"'));
        // A height may end before the message of it arrives: then it is stale, and nobody's fault.
        await eventually(async () => {
          await peer
            .send(0, 'consensus', frame((await scene.devnet.height()) + 1))
            .catch(() => undefined);
          return fault() !== undefined;
        }, `the fault of a forged ${name}`);
        assert.match(fault() ?? '', reason);
        await peer.close();
      }
    });

    it('scores gossip that is no message, too long, or not a batch', async () => {
      const topic = topicPath(scene.devnet.network, 'transactions');
      const raw = await scene.stranger();
      await raw.subscribe(topic);
      await scene.faulted('malformed', () =>
        raw.gossip.publish(topic, Uint8Array.of(255, 255, 255, 255, 255, 255)),
      );
      await scene.faulted('oversized', () =>
        raw.gossip.publish(topic, compress(new Uint8Array(TOPICS.transactions + 1))),
      );
      await eventually(() => raw.connections === 0, 'the ban');
      const peer = await scene.guest();
      const rejected = await scene.devnet.metric('pyralog_net_gossip_rejected_total');
      await scene.gossips(peer, (round) => Uint8Array.of(...GARBAGE, round), 'invalid');
      assert.ok((await scene.devnet.metric('pyralog_net_gossip_rejected_total')) > rejected);
      assert.ok(((await peer.score()) ?? 0) < -20);
    });
  });
}
