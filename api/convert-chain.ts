// SPDX-License-Identifier: Apache-2.0
/** The chain between domain and wire; the rules of `convert.ts` hold. */
import { fromHex, toHex } from '../base/bytes.ts';
import { parseU64 } from '../base/decimal.ts';
import { countFromWire, Misread } from './convert.ts';
import type { MethodResult } from './methods.ts';
import type {
  AnchoredLogWire,
  BlockWire,
  ClusterWire,
  FinalAnchorWire,
  ParametersWire,
  TransactionStatusWire,
} from './schemas-chain.ts';
import type {
  AccountState,
  AnchoredLog,
  ChainHead,
  ChainParameters,
  ClusterState,
  FinalAnchor,
  FinalBlock,
  TransactionStatus,
} from './types-chain.ts';

/** Bytes in hex; `bytes` = exactly so many. */
export function bytesFromWire(text: string, name: string, bytes?: number): Uint8Array | Misread {
  const value = fromHex(text);
  if (value === undefined) return invalid(`${name} is not lower-case hex`);
  if (bytes === undefined || value.length === bytes) return value;
  return invalid(`${name} has ${value.length} bytes, not ${bytes}`);
}

/** An amount, nonce or fee. */
export function amountFromWire(text: string, name: string): bigint | Misread {
  return parseU64(text) ?? invalid(`${name} is not a decimal number below 2^64`);
}

export function transactionStatusToWire(status: TransactionStatus): TransactionStatusWire {
  if (status.state === 'final') {
    const { height, index, time } = status;
    return { state: 'final', height: `${height}`, index: `${index}`, time: `${time}` };
  }
  if (status.state !== 'dropped') return { state: status.state };
  return { state: 'dropped', code: status.code, reason: status.reason };
}

export function transactionStatusFromWire(
  wire: TransactionStatusWire,
): TransactionStatus | Misread {
  if (wire.state === 'pending' || wire.state === 'unknown') return { state: wire.state };
  if (wire.state === 'dropped') {
    return { state: 'dropped', code: wire.code ?? '', reason: wire.reason ?? '' };
  }
  return readAll((read) => ({
    state: 'final' as const,
    height: read(countFromWire(wire.height ?? '', 'height')),
    index: read(countFromWire(wire.index ?? '', 'index')),
    time: read(countFromWire(wire.time ?? '', 'time')),
  }));
}

export function headToWire(head: ChainHead | undefined): MethodResult<'chain_head'> {
  if (head === undefined) return { height: '0' };
  return { height: `${head.height}`, id: toHex(head.id), time: `${head.time}` };
}

export function headFromWire(wire: MethodResult<'chain_head'>): ChainHead | undefined | Misread {
  const { height, id, time } = wire;
  if (height === '0') return undefined;
  return readAll((read) => ({
    height: read(countFromWire(height, 'height')),
    id: read(bytesFromWire(id ?? '', 'id', 32)),
    time: read(countFromWire(time ?? '', 'time')),
  }));
}

export function blockToWire(block: FinalBlock): BlockWire {
  const { header } = block;
  return {
    id: toHex(block.id),
    height: `${header.height}`,
    time: `${header.time}`,
    proposer: header.proposer,
    validators: toHex(header.validators),
    ...(header.nextValidators && { nextValidators: toHex(header.nextValidators) }),
    transactionsRoot: toHex(header.transactions),
    anchorsRoot: toHex(header.anchors),
    stateRoot: toHex(header.state),
    history: toHex(header.history),
    header: toHex(block.headerBytes),
    certificate: toHex(block.certificate),
    transactions: block.transactions.map(toHex),
  };
}

export function blockFromWire(wire: BlockWire): FinalBlock | Misread {
  return readAll((read) => {
    const hash = (text: string, name: string) => read(bytesFromWire(text, name, 32));
    return {
      id: hash(wire.id, 'id'),
      header: {
        height: read(countFromWire(wire.height, 'height')),
        time: read(countFromWire(wire.time, 'time')),
        proposer: wire.proposer,
        validators: hash(wire.validators, 'validators'),
        nextValidators:
          wire.nextValidators === undefined
            ? undefined
            : hash(wire.nextValidators, 'nextValidators'),
        transactions: hash(wire.transactionsRoot, 'transactionsRoot'),
        anchors: hash(wire.anchorsRoot, 'anchorsRoot'),
        state: hash(wire.stateRoot, 'stateRoot'),
        history: hash(wire.history, 'history'),
      },
      headerBytes: read(bytesFromWire(wire.header, 'header')),
      certificate: read(bytesFromWire(wire.certificate, 'certificate')),
      transactions: wire.transactions.map((text) => read(bytesFromWire(text, 'transaction'))),
    };
  });
}

export function accountToWire(account: AccountState): MethodResult<'chain_account'> {
  const { nonce, balance, nextNonce } = account;
  return { nonce: `${nonce}`, balance: `${balance}`, nextNonce: `${nextNonce}` };
}

export function accountFromWire(wire: MethodResult<'chain_account'>): AccountState | Misread {
  return readAll((read) => ({
    nonce: read(amountFromWire(wire.nonce, 'nonce')),
    balance: read(amountFromWire(wire.balance, 'balance')),
    nextNonce: read(amountFromWire(wire.nextNonce, 'nextNonce')),
  }));
}

export function clusterToWire(cluster: ClusterState): ClusterWire {
  const { name, account, balance, keys, threshold, faults, submitters } = cluster;
  return {
    name,
    account: toHex(account),
    balance: `${balance}`,
    keys: keys.map((key) => ({ name: key.name, publicKey: toHex(key.publicKey) })),
    threshold,
    faults,
    submitters: submitters.map(toHex),
  };
}

export function clusterFromWire(wire: ClusterWire): ClusterState | Misread {
  const { name, threshold, faults } = wire;
  return readAll((read) => ({
    name,
    account: read(bytesFromWire(wire.account, 'account', 32)),
    balance: read(amountFromWire(wire.balance, 'balance')),
    keys: wire.keys.map((key) => ({
      name: key.name,
      publicKey: read(bytesFromWire(key.publicKey, 'publicKey')),
    })),
    threshold,
    faults,
    submitters: wire.submitters.map((key) => read(bytesFromWire(key, 'submitter', 32))),
  }));
}

export function anchoredLogToWire(log: AnchoredLog): AnchoredLogWire {
  return {
    origin: log.origin,
    size: `${log.size}`,
    roots: log.roots.map(({ alg, root }) => ({ alg, root: toHex(root) })),
    height: `${log.height}`,
    ...(log.cutOffAt === undefined ? {} : { cutOffAt: `${log.cutOffAt}` }),
  };
}

export function anchoredLogFromWire(wire: AnchoredLogWire): AnchoredLog | Misread {
  const { origin, cutOffAt } = wire;
  return readAll((read) => ({
    origin,
    size: read(countFromWire(wire.size, 'size')),
    roots: wire.roots.map(({ alg, root }) => ({
      alg,
      root: read(bytesFromWire(root, 'root', 32)),
    })),
    height: read(countFromWire(wire.height, 'height')),
    cutOffAt: cutOffAt === undefined ? undefined : read(countFromWire(cutOffAt, 'cutOffAt')),
  }));
}

export function parametersToWire(parameters: ChainParameters): ParametersWire {
  return {
    blockBytesMax: `${parameters.blockBytesMax}`,
    feeBase: `${parameters.feeBase}`,
    feePerByte: `${parameters.feePerByte}`,
    maxDelayMs: `${parameters.maxDelayMs}`,
    precisionMs: `${parameters.precisionMs}`,
  };
}

export function parametersFromWire(wire: ParametersWire): ChainParameters | Misread {
  return readAll((read) => ({
    blockBytesMax: read(countFromWire(wire.blockBytesMax, 'blockBytesMax')),
    feeBase: read(amountFromWire(wire.feeBase, 'feeBase')),
    feePerByte: read(amountFromWire(wire.feePerByte, 'feePerByte')),
    maxDelayMs: read(countFromWire(wire.maxDelayMs, 'maxDelayMs')),
    precisionMs: read(countFromWire(wire.precisionMs, 'precisionMs')),
  }));
}

export function finalAnchorToWire(anchor: FinalAnchor): FinalAnchorWire {
  const { origin, size, note, height, time } = anchor;
  return { origin, size: `${size}`, note, height: `${height}`, time: `${time}` };
}

export function finalAnchorFromWire(wire: FinalAnchorWire): FinalAnchor | Misread {
  const { origin, note } = wire;
  return readAll((read) => ({
    origin,
    size: read(countFromWire(wire.size, 'size')),
    note,
    height: read(countFromWire(wire.height, 'height')),
    time: read(countFromWire(wire.time, 'time')),
  }));
}

/** Reads many fields; the first that cannot be read is the answer. */
function readAll<T>(build: (read: <V>(value: V | Misread) => V) => T): T | Misread {
  let misread: Misread | undefined;
  const stop = new Error('misread');
  try {
    return build((value) => {
      if (!(value instanceof Misread)) return value;
      misread = value;
      throw stop;
    });
  } catch (error) {
    if (error === stop && misread !== undefined) return misread;
    throw error;
  }
}

function invalid(message: string): Misread {
  return new Misread('rpc/invalid-params', message);
}
