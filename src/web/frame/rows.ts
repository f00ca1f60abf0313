// j, k, o and x on any list: rows mark their link with `data-row`, their disclosure button with `data-expand` and the box that
// chooses them with `data-choose`.

export const moveRow = (document: Document, by: 1 | -1): void => {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const at = rows.findIndex((row) => row.matches(':focus'))
  const next = rows[at === -1 ? (by === 1 ? 0 : rows.length - 1) : at + by]
  next?.focus()
  next?.scrollIntoView({ block: 'nearest' })
}

const clickInRow = (document: Document, selector: string): void =>
  document.activeElement?.closest('li, tr')?.querySelector<HTMLElement>(selector)?.click()

export const openRow = (document: Document): void => clickInRow(document, '[data-expand]')
export const chooseRow = (document: Document): void => clickInRow(document, '[data-choose]')
