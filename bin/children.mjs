// Programs that the set-up runs, so that they end with it: a signal meant for the set-up never leaves a build behind.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const running = new Set();

/** `spawn` in a process group of its own: what the program starts itself ends with it too. */
export function spawnChild(command, args, options) {
  const child = spawn(command, args, { ...options, detached: process.platform !== 'win32' });
  running.add(child);
  const gone = () => running.delete(child);
  child.once('error', gone).once('close', gone);
  return child;
}

/** Runs `work`; a signal meanwhile ends what {@link spawnChild} started, then this process, as the signal would have. */
export async function endingChildren(work) {
  const onSignal = (signal) => {
    for (const child of running) end(child, signal);
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work();
  } finally {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  }
}

function end(child, signal) {
  try {
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // it has ended by itself
  }
}
