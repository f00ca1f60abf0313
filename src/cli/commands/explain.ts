// `mayfly explain CODE`: what a problem or fault means, how it comes about and how to mend it. Without a code, a list.
import { fault } from '../../base/faults.ts'
import { exitCodes } from '../exit-codes.ts'
import { paintFor, wrapText, writeTable } from '../look.ts'
import { type CodePage, codePages, findCodePage, nearestCode } from '../problems/code-pages.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean }

export const explain = async (
  around: Surroundings,
  flags: Flags,
  code: string | undefined,
): Promise<number> => {
  const pages = codePages()
  if (code === undefined) {
    if (flags.json === true) around.stdout.write(`${JSON.stringify(pages)}\n`)
    else
      writeTable(
        around.stdout,
        ['CODE', 'KIND', 'MEANING'],
        pages.map((page) => [page.number, page.kind, page.title]),
      )
    return exitCodes.success
  }
  const page = findCodePage(pages, code)
  if (page === null) {
    const near = nearestCode(pages, code)
    throw fault('E_INPUT', {
      public: `there is no code "${code}"${near === null ? '; `mayfly explain` lists all of them' : `; did you mean ${near}?`}`,
    })
  }
  around.stdout.write(flags.json === true ? `${JSON.stringify(page)}\n` : write(around, page))
  return exitCodes.success
}

const widest = 90

const write = (
  around: Surroundings,
  { number, symbol, kind, title, why, mend, example }: CodePage,
): string => {
  const paint = paintFor(around, around.stdout)
  const columns = Math.min(widest, around.stdout.columns)
  const lines = [`${paint('bold', `${number} ${title}`)}  ${paint('dim', `${kind}, ${symbol}`)}`]
  lines.push('', ...wrapText(why, columns), '', paint('bold', 'What to do'), ...wrapText(mend, columns))
  if (example !== null) {
    const pushed = example.branch === undefined ? '' : `, when the branch ${example.branch} is pushed`
    const shown = example.text.trimEnd().split('\n')
    lines.push('', `${paint('bold', 'Example')} that has this problem${pushed}`)
    lines.push(...shown.map((line) => `    ${line}`.trimEnd()))
  }
  return `${lines.join('\n')}\n`
}
