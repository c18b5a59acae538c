// SPDX-License-Identifier: Apache-2.0

/**
 * Runs tasks one after the other, in the order they come. A task that fails is its caller's to hear of; the next one has
 * its turn all the same.
 */
export function inTurn(): <T>(task: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const done = last.then(task);
    last = done.catch(() => {});
    return done;
  };
}
