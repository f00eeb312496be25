#!/usr/bin/env node
// The name that `rlp.cjs` had before, for those who call it by its path.
import "./rlp.cjs";
