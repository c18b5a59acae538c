/** The modules of the network half, loaded by a node whose genesis has a chain and by no other. */
export async function loadNetworkModules() {
  const [net, chain, consensus, native, storage] = await Promise.all([
    import('../net/index.ts'),
    import('../chain/index.ts'),
    import('../consensus/index.ts'),
    import('../native/index.ts'),
    import('../storage/index.ts'),
  ]);
  return { net, chain, consensus, native, storage };
}

export type NetworkModules = Awaited<ReturnType<typeof loadNetworkModules>>;
