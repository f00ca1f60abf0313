// A stream that has begun: whether there is anything to read is known before the first piece is used.

/** Waits for the first piece, and fails with it; the answer gives it and what follows, and ends the stream when it is left. */
export const begun = async <T>(pieces: AsyncIterable<T>): Promise<AsyncIterable<T>> => {
  const rest = pieces[Symbol.asyncIterator]()
  return continued(await rest.next(), rest)
}

const continued = async function* <T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; next.done !== true; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}
