/**
 * Entry of the `pyralog` command: what bin/pyralog.mjs hands over to on Node 24. Everything a command needs is loaded
 * when it runs, so that `pyralog verify` starts fast and never touches native code.
 */
import module from 'node:module';

module.enableCompileCache();
// A reader that leaves early (`| head -1`) is no failure: the exit code still tells. Anything else lost is.
let lost: Error | undefined;
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost = error;
  });
const { run } = await import('./run.ts');
process.exitCode = await run(process.argv.slice(2));
process.on('exit', (code) => {
  if (lost !== undefined && code === 0) process.exitCode = 1;
  if (lost !== undefined)
    process.stderr.write(`pyralog: cannot write the output: ${lost.message}\n`);
});
