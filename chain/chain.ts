import { ChainApp } from './app.ts';
import { Ledger } from './ledger.ts';
import type { StateReads } from './mempool/types.ts';
import { CHAIN_DEFAULTS, type Chain, type ChainDeps, type ChainOptions } from './options.ts';
import { LedgerReader } from './reader.ts';
import { openStore } from './store/open.ts';
import type { Cluster } from './types.ts';

/**
 * Opens the chain that `deps.store` holds, or begins one from genesis, and rebuilds its trees.
 *
 * Rejects with `chain/store-damaged` when what the store holds does not fit together or is another network's (X21): the
 * node must not run then.
 */
export async function openChain(
  deps: ChainDeps,
  options: Partial<ChainOptions> = {},
): Promise<Chain> {
  const { cacheEntries, candidatesMax } = { ...CHAIN_DEFAULTS, ...options };
  const opened = await openStore(deps.store, deps.tree, deps.genesis);
  const ledger = new Ledger(deps, opened, cacheEntries);
  const mempool = deps.openMempool(stateReads(ledger));
  const { verifyCertificate, onBug } = deps;
  const app = new ChainApp({ ledger, mempool, verifyCertificate, onBug }, candidatesMax);
  deps.log.info({ height: ledger.height, network: deps.genesis.network }, 'chain is open');
  return {
    app,
    mempool,
    reader: new LedgerReader(ledger, mempool),
    figures: () => ({
      height: ledger.height,
      mempoolTransactions: mempool.count,
      mempoolBytes: mempool.bytes,
      executedTransactions: app.executedTransactions,
      refusedTransactions: app.refusedTransactions,
    }),
    onFinal: (listener) => app.onFinal(listener),
    async close() {
      await app.close();
      mempool.stop();
      ledger.close();
    },
  };
}

/** The newest final state, at once where it is in memory. */
function stateReads(ledger: Ledger): StateReads {
  const { cache } = ledger;
  const clusterOf = async (name: string): Promise<Cluster | undefined> => {
    const view = await cache.fetch([{ accounts: [], cluster: name }]);
    return view.cluster(name);
  };
  return {
    height: () => ledger.height,
    account: (key) =>
      cache.account(key) ?? cache.fetch([{ accounts: [key] }]).then((view) => view.account(key)),
    cluster(name) {
      const kept = cache.cluster(name);
      return kept === undefined ? clusterOf(name) : (kept ?? undefined);
    },
  };
}
