import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { parseTrustStore, type TrustStore } from '../../receipt/index.ts';
import type { Workspace } from './node-process.ts';

/** What `pyralog trust add` has pinned in a workspace. */
export function trustOf(workspace: Workspace): TrustStore {
  const parsed = parseTrustStore(
    readFileSync(workspace.path('xdg', 'pyralog', 'trust.json'), 'utf8'),
  );
  assert.ok(parsed.ok);
  return parsed.value;
}
