// Entry of one devnet node, plain JavaScript on purpose: the entry is read before anything can turn on the compile cache,
// and as TypeScript it would load Node's type stripper, which a process then keeps (some 10 MB) and never needs again.
import module from 'node:module';

module.enableCompileCache();
await import('./child-main.ts');
