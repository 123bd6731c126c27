Feature: Schedule

  Scenario: every
    Given a workflow with definition:
    """yaml
    schedule: { every: PT1H }
    do: [{ one: { set: { a: 1 } } }]
    """
    When the workflow is scheduled for PT3H
    Then the workflow should have been started 3 times
    And one should run 3 times

  Scenario: cron
    Given a workflow with definition:
    """yaml
    schedule: { cron: "30 6 * * *" }
    do: [{ one: { set: { a: 1 } } }]
    """
    When the workflow is scheduled for P2D
    Then the workflow should have been started 2 times

  Scenario: after the end of the last
    Given a workflow with definition:
    """yaml
    schedule: { after: PT10M }
    do: [{ one: { wait: PT20M } }]
    """
    When the workflow is scheduled for PT1H
    Then the workflow should have been started 3 times

  Scenario: on events
    Given a workflow with definition:
    """yaml
    schedule: { on: { one: { with: { type: cell.down } } } }
    do: [{ one: { set: { cell: "${ $workflow.input[0].cell }" } } }]
    """
    And after PT1M the event comes:
    """yaml
    { type: cell.down, data: { cell: c1 } }
    """
    And after PT2M the event comes:
    """yaml
    { type: cell.up, data: { cell: c1 } }
    """
    And after PT3M the event comes:
    """yaml
    { type: cell.down, data: { cell: c2 } }
    """
    When the workflow is scheduled for PT1H
    Then the workflow should have been started with:
    """yaml
    [[{ cell: c1 }], [{ cell: c2 }]]
    """
    And one should be completed

  Scenario: a document with a schedule is run by hand too
    Given a workflow with definition:
    """yaml
    schedule: { every: PT1H }
    do: [{ one: { set: { a: 1 } } }]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """

  Scenario: two ways at once are not run
    Given a workflow with definition:
    """yaml
    schedule: { every: PT1H, cron: "* * * * *" }
    do: [{ one: { set: { a: 1 } } }]
    """
    When the workflow is executed
    Then the workflow should be refused since 'exactly one of every, cron, after, on'
