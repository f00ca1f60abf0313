// The size of a node in pixels: what layout.ts reserves and job-graph.svelte draws. Apart from both, so that drawing
// does not bring dagre into the first script.

export const nodeWidth = 208
export const nodeHeight = 44
