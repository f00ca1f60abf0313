// What the words in the search box could mean: a project, a run's number, a branch, a commit. Best first.
import type { Project } from '../../protocol/api/shapes.ts'
import { addresses, withQuery } from '../router/place.ts'
import { text } from '../text/en.ts'

export type Suggestion = { readonly name: string; readonly to: string }

const projectsMax = 6

export const suggestions = (
  words: string,
  projects: readonly Pick<Project, 'name'>[],
  organisation: string,
): readonly Suggestion[] => {
  const wanted = words.trim()
  if (wanted === '') return []
  const number = /^(?:(\S+)\s*)?#(\d{1,9})$/.exec(wanted)
  if (number !== null)
    return runsByNumber(projects, organisation, { project: number[1] ?? '', digits: number[2] ?? '' })
  const hits = projects.filter((project) => project.name.includes(wanted.toLowerCase())).slice(0, projectsMax)
  return [
    ...hits.map(({ name }) => ({
      name: text.search.project(name),
      to: addresses.project({ organisation, project: name }),
    })),
    { name: text.search.branch(wanted), to: withQuery(addresses.runs, { branch: wanted }) },
    ...(/^[0-9a-f]{7,64}$/.test(wanted)
      ? [{ name: text.search.commit(wanted), to: withQuery(addresses.runs, { commit: wanted }) }]
      : []),
  ]
}

const runsByNumber = (
  projects: readonly Pick<Project, 'name'>[],
  organisation: string,
  wanted: { readonly project: string; readonly digits: string },
): readonly Suggestion[] =>
  projects
    .filter((project) => project.name.includes(wanted.project))
    .slice(0, projectsMax)
    .map(({ name }) => ({
      name: text.search.number(name, wanted.digits),
      to: addresses.run({ organisation, project: name, number: Number(wanted.digits) }),
    }))
