// Gathers what arrives while a write is under way and writes it together afterwards: nothing waits when idle, and under
// load many share one commit (performance.md §5.3). A group that fails is written one by one, so that one bad item
// fails alone.

export type GroupCommit<Item, Result> = (item: Item) => Promise<Result>

type Waiting<Item, Result> = {
  readonly item: Item
  readonly resolve: (result: Result) => void
  readonly reject: (error: unknown) => void
}

export const createGroupCommit = <Item, Result>(options: {
  /** Results in the order of the items. */
  readonly write: (items: readonly Item[]) => Promise<readonly Result[]>
  readonly itemsMax: number
}): GroupCommit<Item, Result> => {
  const queue: Waiting<Item, Result>[] = []
  let isWriting = false
  const drain = async () => {
    isWriting = true
    while (queue.length > 0) await writeGroup(options.write, queue.splice(0, options.itemsMax))
    isWriting = false
  }
  return (item) =>
    new Promise((resolve, reject) => {
      queue.push({ item, resolve, reject })
      if (!isWriting) void drain()
    })
}

/** Never rejects: every waiting item gets its result or its error. */
const writeGroup = async <Item, Result>(
  write: (items: readonly Item[]) => Promise<readonly Result[]>,
  group: readonly Waiting<Item, Result>[],
): Promise<void> => {
  try {
    const results = await write(group.map((waiting) => waiting.item))
    group.forEach((waiting, i) => {
      // SAFE: `write` answers one result for each item.
      waiting.resolve(results[i] as Result)
    })
  } catch (error) {
    if (group.length === 1) group[0]?.reject(error)
    else for (const waiting of group) await writeGroup(write, [waiting])
  }
}
