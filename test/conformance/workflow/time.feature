Feature: Wait, timeout and cancellation

  Scenario: wait
    Given a workflow with definition:
    """yaml
    do:
      - first: { wait: PT5M }
      - second: { wait: { minutes: 1, seconds: 30 } }
    """
    And given the workflow input is:
    """yaml
    a: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    a: 1
    """
    And the workflow should take PT6M30S

  Scenario: wait as long as an expression says
    Given a workflow with definition:
    """yaml
    do:
      - pause: { wait: '${ "PT\(.hours)H" }' }
    """
    And given the workflow input is:
    """yaml
    hours: 2
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow should take PT2H

  Scenario: timeout of a task
    Given a workflow with definition:
    """yaml
    do:
      - slow: { wait: PT1H, timeout: { after: PT5S } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://open-workflow-specification.org/spec/1.0.0/errors/timeout
    status: 408
    instance: /do/0/slow
    """
    And the workflow should take PT5S

  Scenario: timeout by name, caught
    Given a workflow with definition:
    """yaml
    use: { timeouts: { short: { after: { seconds: 2 } } } }
    do:
      - guarded:
          try: [{ slow: { wait: PT1H, timeout: short } }]
          catch:
            errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout } }
            do: [{ after: { set: { late: true } } }]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    late: true
    """
    And the workflow should take PT2S

  Scenario: timeout of the workflow
    Given a workflow with definition:
    """yaml
    timeout: { after: PT10S }
    do:
      - slow: { wait: PT1H }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 408, instance: "" }
    """
    And slow should be cancelled

  Scenario: timeout of a composite task stops all in it
    Given a workflow with definition:
    """yaml
    do:
      - both:
          fork: { branches: [{ left: { wait: PT1H } }, { right: { do: [{ deep: { wait: PT2H } }] } }] }
          timeout: { after: PT3S }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 408, instance: /do/0/both }
    """
    And deep should be cancelled
    And left should be cancelled

  Scenario: what is in time is not hurt
    Given a workflow with definition:
    """yaml
    do:
      - slow: { wait: PT4S, timeout: { after: PT5S } }
      - more: { wait: PT4S }
    """
    When the workflow is executed
    Then the workflow should complete
    And the workflow should take PT8S

  Scenario: timeout while events do not come
    Given a workflow with definition:
    """yaml
    do:
      - guarded:
          try: [{ hear: { listen: { to: { one: { with: { type: never } } } }, timeout: { after: PT30S } } }]
          catch: { as: problem, do: [{ tell: { set: { status: "${ $problem.status }" } } }] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    status: 408
    """
    And hear should be faulted

  Scenario: cancelled while it waits
    Given a workflow with definition:
    """yaml
    do:
      - slow: { wait: PT1H }
      - never: { set: { a: 1 } }
    """
    When the workflow is cancelled after PT10S
    Then the workflow should be cancelled
    And slow should be cancelled
    And never should not run
    And the workflow should take PT10S
