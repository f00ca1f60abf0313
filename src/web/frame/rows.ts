// j, k and o on any list: rows mark their link with `data-row` and their disclosure button with `data-expand`.

export const moveRow = (document: Document, by: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.findIndex((row) => row.matches(':focus'))
  const next = rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : at + by]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

export const openRow = (document: Document): void => {
  document.activeElement?.closest('li, tr')?.querySelector<HTMLElement>('[data-expand]')?.click()
}
