// Entry of the RPC thread, plain JavaScript on purpose: the entry is read before anything can turn on the compile cache,
// and as TypeScript it would load Node's type stripper, which a thread then keeps (some 10 MB) and never needs again.
import module from 'node:module';

// The cache is a thread's own affair; without it this thread would compile every module at every start.
module.enableCompileCache();
await import('./rpc-thread.ts');
