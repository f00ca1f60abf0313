// Lines of a log as a quotation in Markdown, whatever they hold.

export const quoteOf = ({
  text,
  title,
  url,
}: {
  readonly text: string
  readonly title: string
  readonly url: string
}): string => {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([marks]) => marks.length))
  const fence = '`'.repeat(longest + 1)
  return `[${title.replace(/[\\[\]]/g, '\\$&')}](${url.replaceAll('(', '%28').replaceAll(')', '%29')})\n\n${fence}text\n${text}\n${fence}\n`
}
