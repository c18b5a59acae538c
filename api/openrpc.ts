// SPDX-License-Identifier: Apache-2.0
/** The OpenRPC document of `rpc.discover`, made from the same definitions that validate (rpc.md R2). */
import { type MethodDefinition, methodNames, methods } from './methods.ts';

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

/** OpenRPC 1.3.2: every method, its params by name, its result, one example; the listener as `x-listener`. */
export function openRpcDocument(version: string): Record<string, unknown> {
  return {
    openrpc: '1.3.2',
    info: {
      title: 'Pyralog node',
      version,
      description: 'JSON-RPC 2.0 over HTTP and WebSocket of a Pyralog notary node.',
      license: { name: 'Apache-2.0' },
    },
    methods: methodNames.map((name) => describe(name, methods[name])),
  };
}

function describe(name: string, method: MethodDefinition): Record<string, unknown> {
  const params: ObjectSchema = method.params;
  return {
    name,
    summary: method.summary,
    paramStructure: 'by-name',
    params: Object.entries(params.properties ?? {}).map(([field, schema]) => ({
      name: field,
      required: params.required?.includes(field) ?? false,
      schema,
    })),
    result: { name: 'result', schema: method.result },
    examples: [
      {
        name: 'example',
        params: Object.entries(method.example.params ?? {}).map(([field, value]) => ({
          name: field,
          value,
        })),
        result: { name: 'result', value: method.example.result },
      },
    ],
    'x-listener': method.listener,
    'x-idempotent': method.idempotent,
  };
}
