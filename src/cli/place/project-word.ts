// What a person may write for a project: `web`, `acme/web`, `ci.example.org/acme/web`, or the address of its page.
import { fault } from '../../base/faults.ts'

export type ProjectWord = {
  readonly project: string
  readonly organisation: string | null
  /** Of the installation, with its port. */
  readonly host: string | null
}

const form =
  /^(?:(?:https?:\/\/)?([\w.-]+(?::\d{1,5})?|\[[\da-f:]+\](?::\d{1,5})?)\/)?([^/?#]+)\/([^/?#]+)\/?$/i

/** What has no slash is a name, and passes as it is: the server says whether there is one. */
export const parseProjectWord = (word: string): ProjectWord => {
  if (!word.includes('/')) return { project: word, organisation: null, host: null }
  const [, host, organisation, project] = form.exec(word) ?? []
  if (organisation === undefined || project === undefined)
    throw fault('E_INPUT', {
      public: `"${word}" is no project: it is NAME, ORG/NAME, HOST/ORG/NAME or the address of its page`,
    })
  return { project, organisation, host: host?.toLowerCase() ?? null }
}
