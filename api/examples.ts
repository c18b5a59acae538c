// SPDX-License-Identifier: Apache-2.0
/** Values the documents show; the tests hold each against its schema. */

export const origin = 'pyralog/devnet-00112233aabbccdd/local/notary/0';

const digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

export const note = [
  origin,
  '1',
  'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=',
  'epoch 1',
  'time 1790000000000',
  '',
  '— pyralog/devnet-00112233aabbccdd/local/node-0 Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=',
  '',
].join('\n');

export const digestParams = { algorithm: 'sha256', digest } as const;

export const submission = {
  id: '234881024000',
  origin,
  level: 'durable',
  duplicate: false,
  epoch: 1,
  offset: '0',
  timestamp: '1790000000000',
} as const;

export const status = {
  id: submission.id,
  origin,
  level: 'checkpoint',
  offset: '0',
  epoch: 1,
  timestamp: '1790000000000',
  algorithm: 'sha256',
  digest,
} as const;

export const receipt = {
  pyralog: 'receipt',
  version: 1,
  origin,
  record: {
    timestamp: '1790000000000',
    scarabId: submission.id,
    offset: '0',
    epoch: 1,
    schemaId: 1,
    algorithm: 'sha256',
    digest,
  },
} as const;

export const logInfo = {
  origin,
  partition: 0,
  size: '1',
  firstOffset: '0',
  checkpoint: { size: '1', note },
  dedupWindowMs: '86400000',
  dedupRecords: '2097152',
  durability: 'sync',
  ackPolicy: 'majority',
  replicas: 1,
} as const;
