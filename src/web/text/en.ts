// Every word the browser shows, in one catalogue, a file for each area: sentence case, verb first, numbers over adjectives,
// no blame. Functions take what varies. Another language is another folder of this shape.
import { accountText } from './en/account.ts'
import { annotationsText } from './en/annotations.ts'
import { contextsText } from './en/contexts.ts'
import { entryText } from './en/entry.ts'
import { explainText } from './en/explain.ts'
import { jobText } from './en/job.ts'
import { projectsText } from './en/projects.ts'
import { runViewsText } from './en/run-views.ts'
import { runsText } from './en/runs.ts'
import { secretsText } from './en/secrets.ts'
import { shellText } from './en/shell.ts'
import { systemText } from './en/system.ts'
import { twoPersonText } from './en/two-person.ts'
import { usageText } from './en/usage.ts'
import { webhooksText } from './en/webhooks.ts'
import { cacheWords, statusWords } from './en/words.ts'

export { locale } from './en/words.ts'

export const text = {
  product: 'Mayfly',
  status: statusWords,
  cache: cacheWords,
  ...shellText,
  ...entryText,
  ...runsText,
  ...runViewsText,
  ...projectsText,
  ...jobText,
  ...usageText,
  ...annotationsText,
  ...explainText,
  ...accountText,
  ...secretsText,
  ...twoPersonText,
  ...contextsText,
  ...webhooksText,
  ...systemText,
}
export type Text = typeof text
