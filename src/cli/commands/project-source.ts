// One project as it is, and the way to its source host: a runner looks there, and a person says which host key is the right one.
import type { Project } from '../../protocol/api/shapes.ts'
import { connect } from '../api/connect.ts'
import type { Surroundings } from '../surroundings.ts'

type Flags = { readonly json?: boolean }

export const viewProject = async (around: Surroundings, flags: Flags, name: string): Promise<number> => {
  const project = await (await connect(around)).call('project', { params: { project: name } })
  around.stdout.write(flags.json ? `${JSON.stringify(project)}\n` : describe(project))
  return 0
}

/** The look is an attempt of its own; what it found stands on the project a moment later. */
export const contactProject = async (around: Surroundings, flags: Flags, name: string): Promise<number> => {
  const api = await connect(around)
  const asked = await api.call('projectRefs', { params: { project: name }, body: {} })
  if (flags.json) around.stdout.write(`${JSON.stringify(asked)}\n`)
  else
    around.stderr.write(
      `a runner looks at the source host now (${asked.attempt_id}); then: mayfly project view ${name}\n`,
    )
  return 0
}

export const confirmHostKey = async (
  around: Surroundings,
  flags: Flags,
  name: string,
  fingerprint: string,
): Promise<number> => {
  const api = await connect(around)
  const project = await api.call('projectHostKeys', { params: { project: name }, body: { fingerprint } })
  around.stdout.write(flags.json ? `${JSON.stringify(project)}\n` : describe(project))
  return 0
}

const describe = (project: Project): string =>
  [
    `project   ${project.name}  ${project.id}`,
    `source    ${project.source.url}`,
    `branch    ${project.default_branch}`,
    `hook      ${project.hook.url}`,
    ...(project.deploy_key === null ? [] : [`key       ${project.deploy_key.public_key}`]),
    ...project.host_keys.map(
      ({ fingerprint, confirmed }) =>
        `host key  ${fingerprint}  ${confirmed ? 'confirmed' : 'not confirmed'}`,
    ),
    `last run  ${project.last_run === null ? 'none' : `#${project.last_run.number} ${project.last_run.status}`}`,
    '',
  ].join('\n')
