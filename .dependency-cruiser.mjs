// Turns boundaries.js into rules: an allowed list, so a zone or an edge that is not in the table is refused.
import { extraDoors, openZones, zones } from './boundaries.js'

const names = Object.keys(zones)

/** Files of `to` that another zone may import. */
const doors = (to) => {
  if (openZones.includes(to)) return `^src/${to}/`
  const files = ['index\\.ts', ...(extraDoors[to] ?? []).map((file) => file.replaceAll('.', '\\.'))]
  return `^src/${to}/(${files.join('|')})$`
}

const edges = names.flatMap((from) => [
  { from: { path: `^src/${from}/` }, to: { path: `^src/${from}/` } },
  ...zones[from].mayImport.map((to) => ({ from: { path: `^src/${from}/` }, to: { path: doors(to) } })),
  ...zones[from].packages.map((name) => ({
    from: { path: `^src/${from}/` },
    to: { path: `^node_modules/${name}(/|$)` },
  })),
])

const mayUseNode = names.filter(
  (name) => !['base', 'protocol', 'seal', 'schedule', 'compile', 'web'].includes(name),
)

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'zod-only-in-the-api-shapes',
      severity: 'error',
      from: { path: '^src/protocol/', pathNot: '^src/protocol/api/' },
      to: { path: '^node_modules/|^src/protocol/api/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'vault-reaches-no-third-party-code',
      severity: 'error',
      from: { path: '^src/main/vault\\.ts$' },
      to: { path: '^node_modules/|^src/protocol/api/', reachable: true },
    },
    {
      name: 'jailer-reaches-no-third-party-code',
      severity: 'error',
      from: { path: '^src/main/(jailer|binder)\\.ts$' },
      to: { path: '^node_modules/', reachable: true },
    },
    {
      name: 'vault-is-reached-by-its-program-only',
      severity: 'error',
      from: { path: '^src/main/', pathNot: '^src/main/vault' },
      to: { path: '^src/vault/', reachable: true },
    },
    {
      name: 'fake-driver-is-in-no-release',
      severity: 'error',
      from: { path: '^src/main/(runner|jailer|cli)\\.ts$' },
      to: { path: '^src/sandbox/drivers/fake/', reachable: true },
    },
  ],
  allowed: [
    ...edges,
    ...mayUseNode.map((name) => ({ from: { path: `^src/${name}/` }, to: { dependencyTypes: ['core'] } })),
  ],
  allowedSeverity: 'error',
  options: {
    doNotFollow: { path: '^node_modules/' },
    exclude: { path: ['[.](test|contract|e2e)[.]ts$', '/testdata/', '[.](svg|css|woff2)', '[?]worker'] },
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'svelte', 'node', 'default', 'types'],
    },
  },
}
