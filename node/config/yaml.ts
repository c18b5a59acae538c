/** A CommonJS package's function by name: imported as a whole, at run time, a bundle would offer it as `default` alone. */
export { parseDocument } from 'yaml';
