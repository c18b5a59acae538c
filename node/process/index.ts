/**
 * A node as the process it runs in. A face of its own, because a node that runs loads none of what `node/index.ts`
 * offers to tools: that would cost it 20 MB for nothing.
 */
export { dieWithParent } from '../../native/index.ts';
export { runNode } from '../run.ts';
