/** The same feed, each value in another form. */
export async function* mapped<T, U>(
  source: AsyncIterable<T>,
  map: (value: T) => U,
): AsyncGenerator<U, void, undefined> {
  for await (const value of source) yield map(value);
}
