Feature: Flow directives in composite tasks

  Scenario: exit leaves the scope alone
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          do:
            - one: { set: { a: 1 }, then: exit }
            - never: { set: { a: 2 } }
      - next: { set: { after: "${ .a }" } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    after: 1
    """
    And never should not run

  Scenario: end ends the workflow from any depth
    Given a workflow with definition:
    """yaml
    do:
      - outer: { do: [{ inner: { do: [{ one: { set: { a: 1 }, then: end } }] } }] }
      - never: { set: { a: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """
    And never should not run

  Scenario: exit in a loop leaves the round, end the workflow
    Given a workflow with definition:
    """yaml
    do:
      - loop:
          for: { in: "${ .list }" }
          do:
            - check: { switch: [{ last: { when: $item == 3, then: stop } }, { small: { when: $item == 1, then: exit } }, { other: { then: keep } }] }
            - keep: { set: { seen: "${ $item }" }, then: exit }
            - stop: { set: { seen: "${ $item }" }, then: end }
      - never: { set: { a: 2 } }
    """
    And given the workflow input is:
    """yaml
    list: [1, 2, 3, 4]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    seen: 3
    """
    And check should run 3 times
    And never should not run

  Scenario: end in a branch stops the others
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - slow: { wait: PT1H }
              - quick: { do: [{ one: { set: { a: 1 }, then: end } }] }
      - never: { set: { a: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """
    And slow should be cancelled
    And the workflow should take PT0S

  Scenario: a race is won by the first, the others are cancelled
    Given a workflow with definition:
    """yaml
    do:
      - race:
          fork:
            compete: true
            branches:
              - slow: { do: [{ deep: { wait: PT1H } }] }
              - quick: { do: [{ short: { wait: PT1S } }, { won: { set: { by: quick } } }] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    by: quick
    """
    And deep should be cancelled
    And the workflow should take PT1S

  Scenario: a fault in a branch stops the others
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - slow: { wait: PT1H }
              - bad: { raise: { error: { type: https://a.example/x, status: 409 } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 409, instance: /do/0/both/fork/branches/1/bad }
    """
    And slow should be cancelled

  Scenario: end in a handler
    Given a workflow with definition:
    """yaml
    do:
      - guarded:
          try: [{ bad: { raise: { error: { type: https://a.example/x, status: 409 } } } }]
          catch: { do: [{ give: { set: { up: true }, then: end } }] }
      - never: { set: { a: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    up: true
    """
    And never should not run

  Scenario: then of a catch is for the path of the error alone
    Given a workflow with definition:
    """yaml
    do:
      - guarded:
          try: [{ bad: { raise: { error: { type: https://a.example/x, status: 409 } } } }]
          catch: { then: repaired }
      - never: { set: { a: 2 } }
      - repaired: { set: { ok: true } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ok: true
    """
    And never should not run

  Scenario: end in foreach
    Given a workflow with definition:
    """yaml
    do:
      - hear:
          listen: { to: { any: [] , until: "false" } }
          foreach: { item: e, do: [{ one: { set: { got: "${ $e }" }, then: end } }] }
      - never: { set: { a: 2 } }
    """
    And after PT1S the event comes:
    """yaml
    { type: a, data: 5 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    got: 5
    """
    And never should not run

  Scenario: a task that is skipped goes on in order, whatever its then
    Given a workflow with definition:
    """yaml
    do:
      - skipped: { if: .no, set: { a: 1 }, then: end }
      - next: { set: { b: "${ .a }" } }
    """
    And given the workflow input is:
    """yaml
    a: 7
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 7
    """
    And skipped should be completed

  Scenario: a directive to a task elsewhere is not run
    Given a workflow with definition:
    """yaml
    do:
      - outer: { do: [{ one: { set: { a: 1 }, then: next } }] }
      - next: { set: { b: 2 } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'no task "next" in this scope'
