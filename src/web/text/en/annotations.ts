// What logs say of files.
import { count, locale } from './words.ts'

export const annotationsText = {
  annotations: {
    title: 'Annotations',
    levels: { error: 'Error', warning: 'Warning', notice: 'Notice' },
    counts: (counts: { readonly error: number; readonly warning: number; readonly notice: number }) =>
      [
        counts.error > 0 ? count(counts.error, 'error', 'errors') : '',
        counts.warning > 0 ? count(counts.warning, 'warning', 'warnings') : '',
        counts.notice > 0 ? count(counts.notice, 'notice', 'notices') : '',
      ]
        .filter((part) => part !== '')
        .join(', '),
    inLog: (line: number) => `Line ${line.toLocaleString(locale)} of the log`,
    more: (n: number) => `${count(n, 'more is', 'more are')} in the log.`,
    partial: 'The log is long: only its beginning and its end were looked at.',
    marked: (level: string) => `${level}:`,
    none: 'No annotations',
    noneText:
      'Lines such as ::error file=a.ts,line=3::message, and what compilers, linters and test runners print of a file, are listed here.',
    nextJobs: 'Look at more jobs',
  },
}
