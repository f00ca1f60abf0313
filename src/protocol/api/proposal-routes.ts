// The routes of what waits for a second signature, and of the rule that demands one; part of the table in routes.ts.
import * as z from 'zod'
import * as p from './proposals.ts'
import { paging, type Route, route } from './route.ts'
import { page } from './shapes.ts'

export const proposalRoutes = {
  secretRules: route({
    method: 'GET',
    path: '/api/v1/secret-rules',
    access: 'secret.put',
    summary: 'Whether what loosens takes two people',
    ofAll: true,
    answer: p.secretRules,
  }),
  secretRulesSet: route({
    method: 'POST',
    path: '/api/v1/secret-rules',
    access: 'context.manage',
    summary: 'Demand two people for what loosens, or not any more, under a signed statement',
    ofAll: true,
    body: p.secretRulesSet,
    answer: p.secretRules,
  }),
  proposals: route({
    method: 'GET',
    path: '/api/v1/proposals',
    access: 'secret.put',
    summary: 'Signed changes that wait for a second person, newest first',
    ofAll: true,
    query: z.strictObject(paging),
    answer: page(p.proposal),
  }),
  proposalSign: route({
    method: 'POST',
    path: '/api/v1/proposals/:proposal/sign',
    access: 'secret.put',
    summary: 'Sign a waiting change as the second person: it is made',
    ofAll: true,
    body: p.proposalSign,
    answer: z.object({}),
  }),
  proposalWithdraw: route({
    method: 'POST',
    path: '/api/v1/proposals/:proposal/withdraw',
    access: 'secret.put',
    summary: 'Take a waiting change back',
    ofAll: true,
    body: z.strictObject({}),
    answer: z.object({}),
    // The one change about secrets that no statement vouches for.
    provenAnew: true,
  }),
} as const satisfies Record<string, Route>
