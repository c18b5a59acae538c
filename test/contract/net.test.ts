import { strict as assert } from 'node:assert';
import { silentLogger } from '../../base/log.ts';
import type { Clock } from '../../base/time.ts';
import { seededRandom } from '../../devnet/sim/random.ts';
import { createLibp2pNetwork, createMemoryNetworkHub, type Network } from '../../net/index.ts';
import { realClock } from '../support/real-clock.ts';
import { describeGossip } from './gossip.ts';
import { describeNetwork } from './network.ts';
import { helloOf, type MakeNetworks, type NodeSpec } from './networks.ts';
import { describeLinks } from './transport.ts';

const onBug = (error: unknown) => {
  if (!(error instanceof Error && error.message === 'expected by this test')) throw error;
};

/** Real time, whose wall can jump. */
function jumpingClock(): { clock: Clock; passWall: (ms: number) => void } {
  let ahead = 0;
  return {
    clock: { ...realClock, wall: () => realClock.wall() + ahead },
    passWall: (ms) => {
      ahead += ms;
    },
  };
}

const inMemory: MakeNetworks = async (specs) => {
  const { clock, passWall } = jumpingClock();
  const hub = createMemoryNetworkHub(clock, seededRandom(1));
  const join = (spec: NodeSpec, i: number): Network =>
    hub.join(() => helloOf(spec), {
      id: `node-${i}`,
      onBug,
      ...(spec.limits === undefined ? {} : { limits: spec.limits }),
    });
  return {
    networks: specs.map(join),
    passWall,
    again: async (index) => join(specs[index] ?? {}, index),
  };
};

const overLibp2p: MakeNetworks = async (specs) => {
  const { clock, passWall } = jumpingClock();
  const random = seededRandom(1);
  const create = (spec: NodeSpec, i: number, port = '0'): Promise<Network> =>
    createLibp2pNetwork(
      { clock, random, log: silentLogger, onBug },
      {
        seed: new Uint8Array(32).fill(i + 1),
        hello: () => helloOf(spec),
        listen: [`/ip4/127.0.0.1/tcp/${port}`],
        limits: { connectionsPerAddressMax: 64, ...spec.limits },
      },
    );
  const networks = await Promise.all(specs.map((spec, i) => create(spec, i)));
  const ports = networks.map((network) => network.addresses()[0]?.split('/')[4]);
  return {
    networks,
    passWall,
    again: (index) => {
      const port = ports[index];
      assert.ok(port !== undefined);
      return create(specs[index] ?? {}, index, port);
    },
  };
};

for (const [name, make] of [
  ['in memory', inMemory],
  ['libp2p', overLibp2p],
] as const) {
  describeLinks(name, make);
  describeGossip(name, make);
  describeNetwork(name, make);
}
