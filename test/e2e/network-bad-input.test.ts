/**
 * Attacks on four validator processes by strangers, by clients, by the owner of a log and by a validator: each is
 * refused with its reason, and the network goes on.
 */
import { strict as assert } from 'node:assert';
import { AttackedDevnet } from '../support/attack/devnet.ts';
import { Scene } from '../support/attack/scene.ts';
import { Workspace } from '../support/node-process.ts';
import { attacksByFlood } from './attacks/flood.ts';
import { attacksByLogOwner } from './attacks/log-owner.ts';
import { attacksOfPeers } from './attacks/peers.ts';
import { attacksOfStrangers } from './attacks/strangers.ts';
import { attacksByTransactions } from './attacks/transactions.ts';
import { attacksByValidator } from './attacks/validator.ts';

/** Low, so that a test can fill it. */
const MEMPOOL_MAX = 1_500;

describe('network under attack', function () {
  this.timeout(120_000);
  const workspace = new Workspace();
  const scene = new Scene();

  before(async () => {
    scene.devnet = await AttackedDevnet.start(workspace, [
      'consensus.preset=fast',
      'consensus.heartbeatMs=50',
      `consensus.mempoolTransactions=${MEMPOOL_MAX}`,
    ]);
    await scene.devnet.goesOn(1, [0, 1, 2, 3]);
  });
  afterEach(() => scene.rest());
  after(async () => {
    await workspace.cli(['devnet', 'down']);
    await workspace.remove();
  });

  attacksOfStrangers(scene);
  attacksOfPeers(scene);
  attacksByTransactions(scene);
  attacksByLogOwner(scene);
  attacksByFlood(scene, MEMPOOL_MAX);
  attacksByValidator(scene, workspace);

  describe('afterwards', () => {
    it('comes through with every process that began, and none that complains of a bug', async () => {
      for (const node of [0, 1, 2]) {
        assert.doesNotMatch(scene.devnet.log(node), /"level":60|invariant broken|unhandled/i);
        assert.match(scene.devnet.log(node), /node ready/);
        assert.equal(scene.devnet.log(node).match(/node ready/g)?.length, 1);
        assert.equal(await scene.devnet.metric('pyralog_consensus_signing_total', node), 1);
      }
    });
  });
});
