"""What the Python tests share.

- ``suite``, ``deploying``, ``commands``, ``queues``, ``vpc``: the running suite (`tests/e2e`)
- ``emulated``, ``local_suite``: calls of the emulator, and the launcher's own suites (`infra/local/tests`)
- ``cloudformation``, ``golden``, ``public_templates``: templates
- ``aws``, ``iam``: what AWS says of its actions, and an evaluator of IAM policies (`tests/policy`)
- ``tables``: tables that are written from other sources
- ``browser``, ``printed``: pages, and commands that documentation prints
"""
