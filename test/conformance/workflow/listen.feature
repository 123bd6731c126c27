Feature: Listen

  Scenario: one
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { one: { with: { type: cell.down } } } } }
    """
    And after PT5S the event comes:
    """yaml
    { type: cell.up, data: 1 }
    """
    And after PT10S the event comes:
    """yaml
    { type: cell.down, data: { cell: c1 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ cell: c1 }]
    """
    And the workflow should take PT10S

  Scenario: one, as an envelope
    Given a workflow with definition:
    """yaml
    do:
      - wait:
          listen: { to: { one: { with: { type: cell.down } } }, read: envelope }
          output: { as: "[.[] | { type, subject }]" }
    """
    And after PT1S the event comes:
    """yaml
    { type: cell.down, subject: c1 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ type: cell.down, subject: c1 }]
    """

  Scenario: any takes the first that fits
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { any: [{ with: { type: a } }, { with: { type: b } }] } } }
    """
    And after PT1S the event comes:
    """yaml
    { type: b, data: 2 }
    """
    And after PT2S the event comes:
    """yaml
    { type: a, data: 1 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [2]
    """

  Scenario: any until an expression holds keeps the event with which it does
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { any: [{ with: { type: temperature } }], until: ".[-1] > 38" } } }
    """
    And after PT1S the event comes:
    """yaml
    { type: temperature, data: 37 }
    """
    And after PT2S the event comes:
    """yaml
    { type: temperature, data: 39 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [37, 39]
    """

  Scenario: any until another event leaves that one out
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { any: [{ with: { type: a } }], until: { one: { with: { type: over } } } } } }
    """
    And after PT1S the event comes:
    """yaml
    { type: a, data: 1 }
    """
    And after PT2S the event comes:
    """yaml
    { type: a, data: 2 }
    """
    And after PT3S the event comes:
    """yaml
    { type: over }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [1, 2]
    """

  Scenario: all waits for each
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { all: [{ with: { type: a } }, { with: { type: b } }] } } }
    """
    And after PT1S the event comes:
    """yaml
    { type: b, data: 2 }
    """
    And after PT4S the event comes:
    """yaml
    { type: a, data: 1 }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [2, 1]
    """
    And the workflow should take PT4S

  Scenario: correlate lets the first event decide
    Given a workflow with definition:
    """yaml
    do:
      - wait:
          listen:
            to:
              all:
                - { with: { type: a }, correlate: { cell: { from: .data.cell } } }
                - { with: { type: b }, correlate: { cell: { from: .data.cell } } }
    """
    And after PT1S the event comes:
    """yaml
    { type: a, data: { cell: c1 } }
    """
    And after PT2S the event comes:
    """yaml
    { type: b, data: { cell: c2 } }
    """
    And after PT3S the event comes:
    """yaml
    { type: b, data: { cell: c1, n: 2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ cell: c1 }, { cell: c1, n: 2 }]
    """

  Scenario: correlate with what is expected
    Given a workflow with definition:
    """yaml
    do:
      - wait:
          listen: { to: { one: { with: { type: a }, correlate: { cell: { from: .data.cell, expect: "${ .cell }" } } } } }
    """
    And given the workflow input is:
    """yaml
    cell: c2
    """
    And after PT1S the event comes:
    """yaml
    { type: a, data: { cell: c1 } }
    """
    And after PT2S the event comes:
    """yaml
    { type: a, data: { cell: c2 } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [{ cell: c2 }]
    """

  Scenario: foreach handles events in their order
    Given a workflow with definition:
    """yaml
    do:
      - wait:
          listen: { to: { any: [{ with: { type: a } }], until: { one: { with: { type: over } } } } }
          foreach:
            item: load
            at: nr
            do: [{ note: { set: { text: '${ "\($nr):\($load)" }' } } }]
            output: { as: .text }
    """
    And after PT1S the event comes:
    """yaml
    { type: a, data: 5 }
    """
    And after PT2S the event comes:
    """yaml
    { type: a, data: 7 }
    """
    And after PT3S the event comes:
    """yaml
    { type: over }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ['0:5', '1:7']
    """
    And note should run 2 times

  Scenario: a pattern without bound is not run
    Given a workflow with definition:
    """yaml
    do:
      - wait: { listen: { to: { one: { with: { type: "(a+)+b" } } } } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'the pattern'

  Scenario: what is emitted is heard
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork:
            branches:
              - hear: { listen: { to: { one: { with: { type: cell.down } } } } }
              - say:
                  do:
                    - pause: { wait: PT1S }
                    - tell: { emit: { event: { with: { type: cell.down, data: { cell: c1 } } } }, output: { as: .type } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    [[{ cell: c1 }], cell.down]
    """
