// Which jobs of a workflow one job needs, directly or not, those that must come first before the others.

export const upstreamOf = (needs: ReadonlyMap<string, readonly string[]>, of: string): readonly string[] => {
  const order: string[] = []
  const seen = new Set([of])
  // A stack of our own: a plan may be as deep as it has jobs. A key stands on it twice, to go down and to come back.
  const stack = [...(needs.get(of) ?? [])].reverse().map((key) => ({ key, isDone: false }))
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { key, isDone } = top
    if (isDone) order.push(key)
    else if (!seen.has(key)) {
      seen.add(key)
      stack.push({ key, isDone: true })
      for (const need of [...(needs.get(key) ?? [])].reverse()) stack.push({ key: need, isDone: false })
    }
  }
  return order
}
