// What a step is called in a log: by its name, and by its number before anybody told it.
import { text } from '../text/en.ts'

/** Step 0 is what is printed before the steps. */
export const stepName = (index: number, name: string | undefined): string =>
  name ?? (index === 0 ? text.log.before : String(index))
