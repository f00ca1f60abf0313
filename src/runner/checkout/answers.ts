// What a cell says on stdout, as one answer after the other: each is complete with a line that only we and the script know.
import { randomUUID } from 'node:crypto'
import { Writable } from 'node:stream'

export interface Answers {
  readonly stream: Writable
  /** The next answer; its word goes to the script as `end <word>`. */
  next(): { readonly word: string; readonly complete: Promise<Answer> }
}

/** Of more than the limit only the beginning is there. */
export type Answer = { readonly bytes: Buffer; readonly isWhole: boolean }

export const createAnswers = (limitBytes: number): Answers => {
  let take: (chunk: Buffer) => void = () => undefined
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      take(chunk)
      done()
    },
  })
  return {
    stream,
    next: () => {
      const word = randomUUID()
      const last = Buffer.from(`end ${word}\n`)
      const complete = Promise.withResolvers<Answer>()
      const chunks: Buffer[] = []
      let [size, tail] = [0, Buffer.alloc(0)]
      take = (chunk) => {
        tail = Buffer.concat([tail, chunk]).subarray(-last.length)
        size += chunk.length
        const isWhole = size <= limitBytes + last.length
        if (isWhole) chunks.push(Buffer.from(chunk))
        if (!tail.equals(last)) return
        take = () => undefined
        const bytes = Buffer.concat(chunks)
        complete.resolve({ bytes: isWhole ? bytes.subarray(0, -last.length) : bytes, isWhole })
      }
      return { word, complete: complete.promise }
    },
  }
}
