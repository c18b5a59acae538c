import { isName } from '../receipt/index.ts';
import { cliError } from './errors.ts';

const SHORT = 'a lower-case letter, then up to 30 lower-case letters, digits and hyphens';

/** What a name looks like (I1), for whoever has given another. */
const FORMS = {
  network: SHORT,
  node: SHORT,
  cluster:
    'up to 63 lower-case letters, digits, dots, underscores and hyphens, a letter or digit first',
} as const;

/** @throws PyralogError `cli/usage` on what is no name (I1) */
export function checkName(kind: keyof typeof FORMS, text: string): void {
  if (isName(kind, text)) return;
  throw cliError('cli/usage', `${text}: not a ${kind} name, which is ${FORMS[kind]}`);
}
