// SPDX-License-Identifier: Apache-2.0
/** Methods of the operator: on the admin listener only, behind its token (rpc.md R7). */
import Type from 'typebox';
import * as s from './schemas.ts';

const levels = Type.Enum(['debug', 'info', 'warn', 'error'], {
  description: 'Least severe level that is logged.',
});

export const adminMethods = {
  admin_stats: {
    summary: 'Counters of the core.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
    example: { params: {}, result: { fdatasyncs: 3, readOnly: false } },
  },
  admin_shutdown: {
    summary: 'Drains, then stops the node.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({}),
    result: s.shape({ stopping: Type.Literal(true) }),
    example: { params: {}, result: { stopping: true } },
  },
  admin_logLevel: {
    summary: 'Sets the log level until the next start.',
    listener: 'admin',
    idempotent: true,
    params: s.shape({ level: levels }),
    result: s.shape({ level: levels }),
    example: { params: { level: 'debug' }, result: { level: 'debug' } },
  },
} as const;
