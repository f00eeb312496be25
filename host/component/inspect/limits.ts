/**
 * What a component may at most consist of. Far above what a toolchain makes of an agent, far below what costs time: 1.5 KB of
 * doubling instances took a transpiler 13 s and 3.5 GB.
 */
export const limits = {
  bytes: 16 << 20,
  sections: 1024,
  coreModules: 16,
  /** Instances of core modules, those of components inside included. */
  coreInstances: 16,
  /** Instances of components inside, and how deep they lie in each other. */
  innerComponents: 8,
  componentDepth: 3,
  /** Bundles of exports that exist only to be somebody's import. */
  exportBundles: 256,
  /** Definitions of any other kind (types, aliases, canonical functions, imports) in the whole component. */
  definitions: 8192,
  /** Nodes of one type when it is written out in full. */
  typeNodes: 2000,
  typeDepth: 32,
  names: 128,
  moduleImports: 1024,
  moduleExports: 16_384,
  moduleTypes: 16_384,
  moduleFunctions: 65_536,
  arity: 256,
  /** Linear memories that all modules together define. */
  memories: 1,
} as const;
