/** A CommonJS package's class by name: imported as a whole, at run time, a bundle would offer it as `default` alone. */
export { MemoryLevel } from 'memory-level';
