Feature: Run

  Scenario: a script
    Given a workflow with definition:
    """yaml
    do:
      - say:
          run:
            script:
              language: js
              arguments: ["${ .who }"]
              environment: { TONE: loud }
              code: |
                console.log(process.argv[2] + " " + process.env.TONE);
          output: { as: 'rtrimstr("\n")' }
    """
    And given the workflow input is:
    """yaml
    who: ada
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    ada loud
    """

  Scenario: a script from elsewhere, with its code
    Given a workflow with definition:
    """yaml
    do:
      - say:
          run: { script: { language: javascript, source: { endpoint: http://peer.example/north.js } }, return: all }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    { code: 0, stdout: "north\n", stderr: "" }
    """

  Scenario: a script that ends badly is no fault
    Given a workflow with definition:
    """yaml
    do:
      - say: { run: { script: { language: js, code: "process.exit(3)" }, return: code } }
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    3
    """

  Scenario: another workflow
    Given a workflow with definition:
    """yaml
    do:
      - other: { run: { workflow: { namespace: test, name: other, version: 1.0.0, input: { n: "${ .n }" } } } }
    """
    And another workflow with definition:
    """yaml
    document: { dsl: 1.0.3, namespace: test, name: other, version: 1.0.0 }
    do: [{ twice: { set: { n: "${ .n * 2 }" } } }]
    """
    And given the workflow input is:
    """yaml
    n: 4
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    n: 8
    """

  Scenario: another workflow that faults
    Given a workflow with definition:
    """yaml
    do:
      - other: { run: { workflow: { namespace: test, name: other, version: latest } } }
    """
    And another workflow with definition:
    """yaml
    document: { dsl: 1.0.3, namespace: test, name: other, version: 1.0.0 }
    do: [{ bad: { raise: { error: { type: https://a.example/x, status: 409 } } } }]
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    instance: /do/0/other
    """

  Scenario: without waiting
    Given a workflow with definition:
    """yaml
    do:
      - other: { run: { workflow: { namespace: test, name: other, version: 1.0.0 }, await: false } }
    """
    And another workflow with definition:
    """yaml
    document: { dsl: 1.0.3, namespace: test, name: other, version: 1.0.0 }
    do: [{ slow: { wait: PT1H } }]
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
    And the workflow should take PT0S

  Scenario: a shell is off
    Given a workflow with definition:
    """yaml
    do:
      - list: { run: { shell: { command: ls } } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'shell commands are off'

  Scenario: a container is not run
    Given a workflow with definition:
    """yaml
    do:
      - box: { run: { container: { image: alpine } } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'containers are not run here'

  Scenario: a workflow that is not there
    Given a workflow with definition:
    """yaml
    do:
      - other: { run: { workflow: { namespace: test, name: none, version: 1.0.0 } } }
    """
    When the workflow is executed
    Then the workflow should be refused since 'no workflow test/none 1.0.0 is here'
