Feature: Retry

  Scenario: constant
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/2 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: { delay: PT3S, backoff: { constant: {} }, limit: { attempt: { count: 5 } } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    done: true
    """
    And ask should run 3 times
    And the workflow should take PT6S

  Scenario: linear
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/3 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: { delay: PT1S, backoff: { linear: {} } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    done: true
    """
    And the workflow should take PT6S

  Scenario: exponential, by name
    Given a workflow with definition:
    """yaml
    use: { retries: { slower: { delay: PT1S, backoff: { exponential: {} } } } }
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/3 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: slower
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    done: true
    """
    And the workflow should take PT7S

  Scenario: jitter is added
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/1 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: { delay: PT1S, jitter: { from: PT0S, to: PT2S } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    done: true
    """
    And the workflow should take PT2S

  Scenario: the number of retries is limited
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/9 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: { delay: PT1S, limit: { attempt: { count: 2 } } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    { status: 503, instance: /do/0/again/try/0/ask }
    """
    And ask should run 3 times

  Scenario: the time is limited
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/9 } } }]
          catch:
            errors: { with: { type: https://open-workflow-specification.org/spec/1.0.0/errors/communication } }
            retry: { delay: PT10S, limit: { duration: PT25S } }
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 503
    """
    And ask should run 3 times
    And the workflow should take PT20S

  Scenario: not when it is excepted, then the handler
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try: [{ ask: { call: http, with: { method: get, endpoint: http://peer.example/status/404 } } }]
          catch:
            as: problem
            retry: { delay: PT1S, exceptWhen: .nothing == null and $problem.status == 404 }
            do: [{ give: { set: { up: "${ $problem.status }" } } }]
    """
    And given the workflow input is:
    """yaml
    {}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    up: 404
    """
    And ask should run once

  Scenario: the body begins again from the input
    Given a workflow with definition:
    """yaml
    do:
      - again:
          try:
            - change: { set: { n: "${ .n + 1 }" } }
            - ask: { call: http, with: { method: get, endpoint: http://peer.example/flaky/1 }, output: { as: "{ n: $input.n }" } }
          catch: { retry: { delay: PT1S } }
    """
    And given the workflow input is:
    """yaml
    n: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 2
    """
    And change should run 2 times

  Scenario: what cannot be caught goes up
    Given a workflow with definition:
    """yaml
    do:
      - outer:
          try:
            - inner:
                try: [{ bad: { raise: { error: { type: https://a.example/x, status: 418, title: no } } } }]
                catch: { errors: { with: { status: 500 } }, do: [{ wrong: { set: { a: 1 } } }] }
          catch: { as: problem, do: [{ right: { set: { title: "${ $problem.title }" } } }] }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    title: no
    """
    And wrong should not run
