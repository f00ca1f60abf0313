// Whether other servers may share this database. NOTIFY takes one lock of the whole cluster until its commit is on the disk,
// so that commits go to the disk one by one, and wakes who listens: a server that is alone does without. Servers find each
// other by notices of their own, and whoever does not know for certain sends (docs/decisions/0067).

/** `hello`: who is there? `here`: the answer, once what was begun without NOTIFY has ended; and every beat among several. */
export type Word = 'hello' | 'here'

export type OthersSettings = {
  /** How long after its hello a server that heard nothing is alone. More than `settleMs`, by far. */
  readonly aloneAfterMs: number
  /** After a hello, until statements that were begun before it have ended. */
  readonly settleMs: number
  /** Between words among several; who says nothing for three of them is gone. */
  readonly beatMs: number
}

export type Others = {
  /** False only while it is certain that nobody else listens. */
  readonly mayListen: () => boolean
  /** The connection listens now; `say` sends a word with it. */
  readonly connected: (say: (word: Word) => void) => void
  readonly lost: () => void
  /** A word of another server, known by the number of its connection. */
  readonly heard: (server: number, word: Word) => void
  readonly close: () => void
}

/** `onFound`: a server is there that did not send so far what it changed: anything may have happened. */
export const findOthers = (
  { aloneAfterMs, settleMs, beatMs }: OthersSettings,
  onFound: () => void,
): Others => {
  const heardAt = new Map<number, number>()
  const answered = new Set<number>()
  let say: ((word: Word) => void) | null = null
  let helloAt = Number.POSITIVE_INFINITY
  let settling: NodeJS.Timeout | null = null
  const beat = setInterval(() => {
    const goneBefore = performance.now() - 3 * beatMs
    for (const [server, at] of heardAt)
      if (at < goneBefore) {
        heardAt.delete(server)
        answered.delete(server)
      }
    if (heardAt.size > 0) say?.('here')
  }, beatMs).unref()
  const answer = () => {
    settling ??= setTimeout(() => {
      settling = null
      say?.('here')
    }, settleMs).unref()
  }
  const lost = () => {
    say = null
    helloAt = Number.POSITIVE_INFINITY
    answered.clear()
  }
  return {
    mayListen: () => heardAt.size > 0 || performance.now() < helloAt + aloneAfterMs,
    connected: (sayNow) => {
      say = sayNow
      helloAt = performance.now()
      say('hello')
    },
    lost,
    heard: (server, word) => {
      heardAt.set(server, performance.now())
      if (word === 'hello') answer()
      else if (!answered.has(server)) {
        answered.add(server)
        onFound()
      }
    },
    close: () => {
      lost()
      clearInterval(beat)
      if (settling !== null) clearTimeout(settling)
    },
  }
}
