// To the clipboard. A browser has none for pages without HTTPS, and may refuse it: whoever pressed is told.
export const copyText = async (words: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(words)
    return true
  } catch {
    return false
  }
}
