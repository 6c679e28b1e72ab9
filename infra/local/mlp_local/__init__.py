"""What the local suite adds to ministack, one file per emulated service or behaviour.

``server`` prepares the environment and serves; ``install`` applies every part to the imported ministack. Nothing
here edits the installed package: types go into CloudFormation's handler table, services into the registry, and the
few behaviours that differ from AWS are wrapped at the module attribute that the callers look up.
"""
