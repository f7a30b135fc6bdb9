//! Rules, judgements, witnesses, and the one place where verdicts are decided.
