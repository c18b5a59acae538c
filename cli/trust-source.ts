import { existsSync, readFileSync } from 'node:fs';
import { PyralogError } from '../base/errors.ts';
import type { Client } from '../client/index.ts';
import {
  type Genesis,
  parseGenesisJson,
  parseTrustStore,
  type TrustPolicy,
  type TrustRoot,
  trustRootOf,
} from '../receipt/index.ts';
import type { Context } from './context.ts';
import { cliError } from './errors.ts';
import { withNode } from './find-node.ts';

/** What `trust add` may pin: replicas' keys of logs, and chains. */
export interface TrustOffer {
  readonly policies: readonly TrustPolicy[];
  readonly chains: readonly TrustRoot[];
}

/** From a node, a trust store, a policy, or a genesis document (T1, T5, F1). Nothing is believed yet. */
export async function readTrustOffer(context: Context, source: string): Promise<TrustOffer> {
  if (/^(?:https?|wss?):\/\//.test(source)) return offerOfNode(context, source);
  if (!existsSync(source)) {
    throw cliError('cli/usage', `${source}: neither the URL of a node nor a file`);
  }
  const text = readFileSync(source, 'utf8');
  const value = parseJson(text);
  const kind = typeof value === 'object' && value !== null && 'pyralog' in value && value.pyralog;
  if (kind === 'genesis') return { policies: [], chains: [chainOf(source, text)] };
  return kind ? parseStore(source, value) : parsePolicies(source, [value]);
}

async function offerOfNode(context: Context, url: string): Promise<TrustOffer> {
  const { info, document } = await withNode(context, { node: url }, async (client) => {
    const own = await client.info({ signal: context.signal });
    return { info: own, document: await genesisOf(context, client) };
  });
  const { policies } = parsePolicies(url, info.policies);
  const chains = document === undefined ? [] : [chainOf(url, document, info.networkId)];
  if (policies.length === 0 && chains.length === 0)
    throw cliError('cli/no-trust', `${url}: the node names no keys and no chain`);
  context.note(`${url} says it is of network ${info.networkId}, with these keys.`);
  context.note('A key is worth what you know of its owner: compare it over another channel.');
  return { policies, chains };
}

/** Text of the network's `genesis.json`; undefined from a node that is on no chain. */
async function genesisOf(context: Context, client: Client): Promise<string | undefined> {
  try {
    return (await client.chain.genesis({ signal: context.signal })).document;
  } catch (error) {
    const chainless = error instanceof PyralogError && NO_CHAIN.has(error.code);
    if (chainless) return undefined;
    throw error;
  }
}

/** What nodes without a chain answer, older ones too. */
const NO_CHAIN: ReadonlySet<string> = new Set(['chain/no-chain', 'rpc/method-not-found']);

/** The root of trust that follows from a genesis document, if its hash makes the expected network id. */
function chainOf(source: string, text: string, network?: string): TrustRoot {
  const genesis = parseGenesisJson(text);
  if (!genesis.ok) throw cliError('cli/no-trust', `${source}: ${genesis.message}`);
  const root = rootOf(source, genesis.value);
  if (network === undefined || root.network === network) return root;
  throw cliError(
    'cli/no-trust',
    `${source}: says it is of ${network}, but its genesis document makes ${root.network}`,
  );
}

function rootOf(source: string, genesis: Genesis): TrustRoot {
  const root = trustRootOf(genesis);
  if (root !== undefined) return root;
  throw cliError('cli/no-trust', `${source}: the genesis of a network without a chain to pin`);
}

function parsePolicies(source: string, policies: readonly unknown[]): TrustOffer {
  return parseStore(source, { pyralog: 'trust', version: 1, policies });
}

/** Everything goes through the one strict parser of trust stores (T3, T5). */
function parseStore(source: string, store: unknown): TrustOffer {
  const parsed = parseTrustStore(JSON.stringify(store));
  if (!parsed.ok) throw cliError('cli/no-trust', `${source}: ${parsed.message}`);
  return { policies: parsed.value.policies, chains: parsed.value.chains ?? [] };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not JSON: the parser of trust stores says so
  }
}
