/**
 * Entry of the `pyralog` command: what bin/pyralog.mjs hands over to on Node 24. Everything a command needs is loaded
 * when it runs, so that `pyralog verify` starts fast and never touches native code.
 */
import module from 'node:module';

module.enableCompileCache();
const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));
