Feature: Extensions

  Scenario: before and after
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - logged:
            extend: set
            before: [{ enters: { wait: PT1S } }]
            after: [{ leaves: { wait: PT1S } }]
    do:
      - one: { set: { a: 1 } }
      - two: { set: { b: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 2
    """
    And the workflow should take PT4S
    And enters should run 2 times
    And enters should run before two
    And leaves should run after one

  Scenario: only when
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - some: { extend: all, when: '$task.name == "two"', before: [{ enters: { wait: PT1S } }] }
    do:
      - one: { set: { a: 1 } }
      - two: { set: { b: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 2
    """
    And enters should run once

  Scenario: exit takes the place of the task
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - mocked:
            extend: call
            when: $task.definition.with.endpoint | startswith("http://mocked.example")
            before: [{ answer: { set: { mocked: true }, then: exit } }]
    do:
      - ask: { call: http, with: { method: get, endpoint: http://mocked.example/cells } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    mocked: true
    """
    And the peer should have been asked:
    """yaml
    []
    """

  Scenario: of composite tasks, not of what is in them
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - some: { extend: composite, before: [{ enters: { wait: PT1S } }] }
    do:
      - outer: { do: [{ one: { set: { a: 1 } } }, { two: { set: { b: 2 } } }] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    b: 2
    """
    And enters should run once

  Scenario: a fault in an extension is a fault
    Given a workflow with definition:
    """yaml
    use:
      extensions:
        - guard: { extend: set, before: [{ no: { raise: { error: { type: https://a.example/x, status: 403 } } } }] }
    do:
      - one: { set: { a: 1 } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 403 }
    """
