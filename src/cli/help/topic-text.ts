// A topic as a terminal shows it: paragraphs, and terms with what they mean beside them.
import { wrapText } from '../look.ts'
import { list } from './list.ts'
import type { Topic } from './topics.ts'

export const topicText = (name: string, { about, parts }: Topic, columns: number): string => {
  const body = parts.flatMap((part) => [
    '',
    ...(typeof part === 'string' ? wrapText(part, columns) : list(part, columns)),
  ])
  return `${[`${name}: ${about}`, ...body].join('\n')}\n`
}
